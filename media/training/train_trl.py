"""Trains the LoRA adapter that config.json describes, with TRL, on the records of train.jsonl and validation.jsonl.

Written by KaLactica. Needs torch, transformers, peft, trl (0.24 or newer) and datasets; reads nothing else of this machine.

  python train_trl.py                  the adapter goes to ./adapter, in PEFT's format
  python train_trl.py --print-adapter  and is also written to standard output, in base64: so it comes back from a Ray job
                                       without a file system that both sides see
  torchrun --nproc_per_node 4 train_trl.py    on several GPUs of one machine

With "workers" above 1 in config.json and Ray there, the same training runs on that many workers of the cluster.

Every record is rendered here: in the base model's own chat template, and with the loss on what the assistant writes only.
"""
import base64
import hashlib
import inspect
import json
import os
import sys
import tempfile
import zlib
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers import __version__ as transformers_version

HERE = Path(__file__).resolve().parent


def rows(name):
    file = HERE / name
    if not file.exists():
        return []
    with open(file, encoding="utf8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def render(tokenizer, messages, opened):
    if tokenizer.chat_template is None:
        sys.exit("The data hold conversations, but the base model has no chat template. Choose an instruct model.")
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=opened)


def prompt_text(tokenizer, prompt):
    return prompt if isinstance(prompt, str) else render(tokenizer, prompt, True)


def reply_text(tokenizer, prompt, reply):
    """What follows the prompt, with the token that ends it."""
    if isinstance(prompt, str):
        end = tokenizer.eos_token or ""
        return reply if reply.endswith(end) else reply + end
    start = render(tokenizer, prompt, True)
    whole = render(tokenizer, prompt + reply, False)
    return whole[len(start):] if whole.startswith(start) else reply[0]["content"] + (tokenizer.eos_token or "")


def pieces(tokenizer, row):
    """(text, learnt) pieces of a supervised row, in order."""
    if "text" in row:
        return [(row["text"] + (tokenizer.eos_token or ""), True)]
    if "prompt" in row:
        return [(prompt_text(tokenizer, row["prompt"]), False), (reply_text(tokenizer, row["prompt"], row["completion"]), True)]
    parts, done = [], ""
    for i, message in enumerate(row["messages"]):
        if message["role"] != "assistant":
            continue
        before, after = render(tokenizer, row["messages"][:i], True), render(tokenizer, row["messages"][:i + 1], False)
        if not (before.startswith(done) and after.startswith(before)):
            # A template that rewrites earlier turns: this turn is a sample of its own, the ones before are not learnt.
            return [(before, False), (after[len(before):], True)] if after.startswith(before) else [(after, True)]
        parts += [(before[len(done):], False), (after[len(before):], True)]
        done = after
    return parts


def supervised(tokenizer, data, longest):
    samples = []
    for row in data:
        ids, learnt = [], []
        for text, is_learnt in pieces(tokenizer, row):
            tokens = tokenizer(text, add_special_tokens=not ids and tokenizer.bos_token is not None and not text.startswith(tokenizer.bos_token))["input_ids"]
            ids += tokens
            learnt += [int(is_learnt)] * len(tokens)
        ids, learnt = ids[:longest], learnt[:longest]
        if any(learnt[1:]):
            samples.append({"input_ids": ids, "completion_mask": learnt})
    return Dataset.from_list(samples) if samples else None


def preferences(tokenizer, data):
    samples = [{"prompt": prompt_text(tokenizer, r["prompt"]), "chosen": reply_text(tokenizer, r["prompt"], r["chosen"]), "rejected": reply_text(tokenizer, r["prompt"], r["rejected"])} for r in data]
    return Dataset.from_list(samples) if samples else None


def judged(tokenizer, data):
    samples = [{"prompt": prompt_text(tokenizer, r["prompt"]), "completion": reply_text(tokenizer, r["prompt"], r["completion"]), "label": r["label"]} for r in data]
    return Dataset.from_list(samples) if samples else None


class Report(TrainerCallback):
    """Figures as lines that KaLactica reads."""

    def on_log(self, args, state, control, logs=None, **kwargs):
        if state.is_world_process_zero and logs:
            figures = {key: value for key, value in logs.items() if isinstance(value, (int, float))}
            print("KALACTICA-FIGURES " + json.dumps({"step": state.global_step, "steps": state.max_steps, **figures}), flush=True)


def known(kind, **settings):
    """The settings that this version of TRL has; one that is missing and matters is an error."""
    names = inspect.signature(kind.__init__).parameters
    missing = [name for name in settings if name not in names]
    if missing:
        sys.exit(f"This version of TRL has no setting {', '.join(missing)} in {kind.__name__}. Install trl 0.24 or newer.")
    return kind(**settings)


def train(config, data, place):
    """Trains on `data` ({"train": rows, "validation": rows}) and saves the adapter in `place`/adapter; whether this process did."""
    method, settings = config["method"], dict(config["training"])
    world = int(os.environ.get("WORLD_SIZE", "1"))
    per_device = max(1, min(config["per_device_batch"], config["batch"] // world))
    use_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    tokenizer = AutoTokenizer.from_pretrained(config["base"], revision=config.get("revision"))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(config["base"], revision=config.get("revision"), dtype=torch.bfloat16 if use_bf16 else torch.float32)
    longest = config["max_length"] or min(2048, getattr(model.config, "max_position_embeddings", 2048))
    # A share of the steps: transformers 5 takes it as warmup_steps.
    settings["warmup_steps" if int(transformers_version.split(".")[0]) >= 5 else "warmup_ratio"] = config["warmup_share"]
    settings.update(
        output_dir=str(place / "checkpoints"), per_device_train_batch_size=per_device, per_device_eval_batch_size=per_device,
        gradient_accumulation_steps=max(1, round(config["batch"] / (per_device * world))), bf16=use_bf16, use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=True, report_to="none", save_strategy="no", logging_steps=1, logging_first_step=True, disable_tqdm=True, max_length=longest,
    )
    train_rows, validation_rows = data["train"], data["validation"]
    if method == "sft":
        from trl import SFTConfig as Config, SFTTrainer as Trainer
        train_data, validation_data = supervised(tokenizer, train_rows, longest), supervised(tokenizer, validation_rows, longest)
        settings["completion_only_loss"] = True
    elif method == "dpo":
        from trl import DPOConfig as Config, DPOTrainer as Trainer
        train_data, validation_data = preferences(tokenizer, train_rows), preferences(tokenizer, validation_rows)
    else:
        from trl import KTOConfig as Config, KTOTrainer as Trainer
        train_data, validation_data = judged(tokenizer, train_rows), judged(tokenizer, validation_rows)
    if train_data is None:
        sys.exit(f"No record of the data can be used for {method}.")
    settings["eval_strategy"] = "epoch" if validation_data is not None else "no"
    trainer = Trainer(
        model=model, args=known(Config, **settings), train_dataset=train_data, eval_dataset=validation_data, processing_class=tokenizer,
        peft_config=LoraConfig(task_type="CAUSAL_LM", bias="none", **config["lora"]), callbacks=[Report()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    if trainer.is_world_process_zero():
        trainer.model.save_pretrained(place / "adapter", safe_serialization=True)
    return trainer.is_world_process_zero()


def adapter_files(place):
    return {name: (place / "adapter" / name).read_bytes() for name in ("adapter_config.json", "adapter_model.safetensors")}


def print_files(files):
    """In lines of moderate length, each file with its hash, so that a cut log is noticed."""
    for name, data in files.items():
        text = base64.b64encode(zlib.compress(data, 6)).decode("ascii")
        lines = [text[i:i + 16000] for i in range(0, len(text), 16000)]
        print(f"KALACTICA-FILE {name} {len(lines)} {hashlib.sha256(data).hexdigest()}", flush=True)
        for i, line in enumerate(lines):
            print(f"KALACTICA-PART {name} {i} {line}", flush=True)


def train_on_cluster(config, data):
    """The same on several workers of a Ray cluster. Data go to them, and what the first of them saves comes back, through Ray itself."""
    # Importing torch on many machines at once takes longer than Ray Train would wait.
    os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "300")
    import ray
    from ray.train import ScalingConfig
    from ray.train.torch import TorchTrainer

    ray.init(ignore_reinit_error=True)

    @ray.remote(num_cpus=0)
    class Box:
        def __init__(self):
            self.files = {}

        def put(self, files):
            self.files = files

        def get(self):
            return self.files

    box = Box.remote()

    def work(loop_config):
        place = Path(tempfile.mkdtemp())
        if train(loop_config["config"], loop_config["data"], place):
            ray.get(loop_config["box"].put.remote(adapter_files(place)))

    TorchTrainer(work, train_loop_config={"config": config, "data": data, "box": box}, scaling_config=ScalingConfig(num_workers=config["workers"], use_gpu=config["gpus"])).fit()
    return ray.get(box.get.remote())


if __name__ == "__main__":
    configuration = json.loads((HERE / "config.json").read_text(encoding="utf8"))
    records = {split: rows(f"{split}.jsonl") for split in ("train", "validation")}
    if configuration.get("workers", 1) > 1:
        files = train_on_cluster(configuration, records)
        (HERE / "adapter").mkdir(exist_ok=True)
        for file_name, content in files.items():
            (HERE / "adapter" / file_name).write_bytes(content)
        is_first = True
    else:
        is_first = train(configuration, records, HERE)
    if is_first and "--print-adapter" in sys.argv:
        print_files(adapter_files(HERE))
