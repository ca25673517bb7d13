// The peer of test/bench/train.ts: Hugging Face PEFT on a random model of the same shape, as a small Python program.

/** Prints one JSON line like TrainTimes. Its one argument is JSON: shape, dtype, length, batch, steps, threads, rank, checkpointing. */
export const peftProgram = `
import json, os, resource, sys, time
o = json.loads(sys.argv[1])
os.environ["OMP_NUM_THREADS"] = str(o["threads"])
os.environ["HF_HUB_OFFLINE"] = "1"
import torch
torch.set_num_threads(o["threads"])
torch.manual_seed(1)
from transformers import Qwen2Config, Qwen2ForCausalLM
from peft import LoraConfig, get_peft_model
dtype = {"bf16": torch.bfloat16, "f32": torch.float32}[o["dtype"]]
torch.set_default_dtype(dtype)
model = Qwen2ForCausalLM(Qwen2Config(attn_implementation="sdpa", tie_word_embeddings=True, use_cache=False, **o["shape"]))
torch.set_default_dtype(torch.float32)
linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
model = get_peft_model(model, LoraConfig(r=o["rank"], lora_alpha=2 * o["rank"], lora_dropout=0.0, target_modules=linears, task_type="CAUSAL_LM"))
if o["checkpointing"]:
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=2e-4, weight_decay=0.01)
n = o["length"] * o["batch"]
x = torch.arange(n).mul(7919).add(13).remainder(o["shape"]["vocab_size"]).reshape(o["batch"], o["length"])
wall, cpu, loss = [], [], None
for _ in range(o["steps"]):
    began, used = time.perf_counter(), time.process_time()
    loss = model(input_ids=x, labels=x).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    wall.append(time.perf_counter() - began)
    cpu.append(time.process_time() - used)
print(json.dumps({"wallSeconds": wall, "cpuSeconds": cpu, "peakRssMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "loss": loss.item()}))
`;
