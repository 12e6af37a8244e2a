"""Greedy answers of the demo model by transformers in float32: writes fable-greedy.json. Needs torch and transformers.

    python3 goldens/greedy.py
"""
import json
import pathlib

import torch
import transformers

here = pathlib.Path(__file__).parent
model = transformers.AutoModelForCausalLM.from_pretrained(here.parent / "models/fable-5m", dtype=torch.float32).eval()
rows = []
for golden in json.loads((here / "tiny-greedy.json").read_text()):
    ids = list(golden["prompt_token_ids"])
    answer, margin = [], float("inf")
    with torch.inference_mode():
        for _ in golden["greedy_token_ids"]:
            logits = model(torch.tensor([ids + answer])).logits[0, -1]
            best, second = logits.topk(2).values.tolist()
            margin = min(margin, best - second)
            answer.append(int(logits.argmax()))
    rows.append({"prompt_token_ids": ids, "greedy_token_ids": answer, "smallest_greedy_margin": round(margin, 5)})
(here / "fable-greedy.json").write_text(json.dumps(rows, separators=(",", ":")) + "\n")
print(f"transformers {transformers.__version__}, torch {torch.__version__}")
