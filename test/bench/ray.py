"""Builds the tiny chat model that ray.ts trains: random weights, a vocabulary of bytes, a chat template.

  ray.py FOLDER
"""
import json
import sys
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

folder = Path(sys.argv[1])
specials = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|end|>", "<|pad|>"]
visible = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
stand_ins = {b: chr(b) for b in visible}
for n, b in enumerate(b for b in range(256) if b not in stand_ins):
    stand_ins[b] = chr(256 + n)
# The same ids as tinyTokenizer of the unit tests: specials first, then bytes in order.
vocabulary = {token: i for i, token in enumerate(specials + [stand_ins[b] for b in range(256)])}
tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.add_special_tokens([AddedToken(token, special=True) for token in specials])
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|pad|>")
fast.chat_template = "{% for m in messages %}{{ m['role'] + ':' + m['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
torch.manual_seed(7)
model = Qwen2ForCausalLM(Qwen2Config(
    vocab_size=262, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=None, eos_token_id=0, pad_token_id=5,
))
model.save_pretrained(folder, safe_serialization=True)
fast.save_pretrained(folder)
print(json.dumps({"parameters": sum(p.numel() for p in model.parameters())}))
