"""The PEFT side of adapterParity.ts: tiny random models, random adapters, and the logits that PEFT gives for them.

  adapterParity.py make FOLDER            writes models, adapters of several kinds, and their logits
  adapterParity.py logits MODEL ADAPTER OUT   logits of a model with an adapter that was written elsewhere
"""
import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM,
)

VOCABULARY = 262
COMMON = dict(
    vocab_size=VOCABULARY, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=512, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=5,
)
MODELS = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**COMMON, rms_norm_eps=1e-5)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**COMMON, rms_norm_eps=1e-6)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**COMMON, rms_norm_eps=1e-6, head_dim=32)),
    "gemma3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**COMMON, rms_norm_eps=1e-6, head_dim=32, sliding_window=512, query_pre_attn_scalar=32)),
}
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ADAPTERS = {
    "plain": dict(r=8, lora_alpha=16, target_modules=ALL),
    "rslora": dict(r=6, lora_alpha=5, target_modules=ALL, use_rslora=True),
    "patterns": dict(r=4, lora_alpha=8, target_modules=["q_proj", "k_proj", "down_proj"], rank_pattern={"q_proj": 7}, alpha_pattern={r"layers\.1\..*k_proj": 3}),
}
TOKENS = [(7 * i * i + 11 * i + 13) % VOCABULARY for i in range(40)]


def logits(model):
    with torch.inference_mode():
        return model(torch.tensor([TOKENS])).logits[0].float().tolist()


def make(folder):
    for m, (name, build) in enumerate(MODELS.items()):
        torch.manual_seed(100 + m)
        model = build().float().eval()
        with torch.no_grad():
            # Wider than the usual initialisation, so that logits are far from uniform and errors show.
            for key, value in model.named_parameters():
                value.normal_(0.0, 0.3 if "norm" in key else 0.08 if value.dim() == 1 else 1.5 / value.shape[-1] ** 0.5)
                if "norm" in key and name != "gemma3":
                    value.add_(1.0)
        model.save_pretrained(folder / name, safe_serialization=True)
        base = logits(model)
        (folder / name / "logits.json").write_text(json.dumps({"tokens": TOKENS, "base": base}))
        for a, (kind, settings) in enumerate(ADAPTERS.items()):
            torch.manual_seed(200 + 10 * m + a)
            fresh = AutoModelForCausalLM.from_pretrained(folder / name, dtype=torch.float32).eval()
            adapted = get_peft_model(fresh, LoraConfig(task_type="CAUSAL_LM", **settings)).eval()
            with torch.no_grad():
                for key, value in adapted.named_parameters():
                    if "lora_" in key:
                        value.normal_(0.0, 0.15)
            adapted.save_pretrained(folder / name / kind)
            (folder / name / kind / "logits.json").write_text(json.dumps({"adapted": logits(adapted)}))


def run(model, adapter, out):
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, adapter).eval()
    Path(out).write_text(json.dumps({"adapted": logits(adapted)}))


if sys.argv[1] == "make":
    make(Path(sys.argv[2]))
else:
    run(*sys.argv[2:5])
