"""A random model none of whose sizes is a multiple of a vector's width, and what transformers says of it in float32:
writes llama-odd-sizes/. Needs torch and transformers.

    python3 goldens/odd_sizes.py
"""
import json
import pathlib

import torch
import transformers

here = pathlib.Path(__file__).parent / "llama-odd-sizes"
torch.manual_seed(4)
config = transformers.LlamaConfig(
    hidden_size=76, intermediate_size=180, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=18,
    vocab_size=301, max_position_embeddings=1024, bos_token_id=1, eos_token_id=2, dtype="bfloat16")
model = transformers.LlamaForCausalLM(config)
with torch.no_grad():
    for parameter in model.parameters():
        if parameter.dim() == 2:  # wide enough apart for greedy tokens to be settled
            parameter.normal_(0, 0.12)
model.to(torch.bfloat16).save_pretrained(here)
# Read anew, since the rotations' frequencies have been rounded too.
model = transformers.AutoModelForCausalLM.from_pretrained(here, dtype=torch.float32).eval()
rows = []
for length in (1, 7, 33, 200):
    ids = torch.randint(3, config.vocab_size, (length,)).tolist()
    answer, margin, first = [], float("inf"), None
    with torch.inference_mode():
        for _ in range(32):
            logits = model(torch.tensor([ids + answer])).logits[0, -1]
            first = logits if first is None else first
            best, second = logits.topk(2).values.tolist()
            margin = min(margin, best - second)
            answer.append(int(logits.argmax()))
    top = first.log_softmax(-1).topk(8)
    rows.append({
        "prompt_token_ids": ids,
        "last_logits_first_64": [round(x, 5) for x in first[:64].tolist()],
        "last_top8_ids": top.indices.tolist(),
        "last_top8_logprobs": [round(x, 5) for x in top.values.tolist()],
        "last_logits_l2": round(first.norm().item(), 5),
        "greedy_token_ids": answer,
        "smallest_greedy_margin": round(margin, 5),
    })
(here / "golden.json").write_text(json.dumps(rows) + "\n")
print(f"transformers {transformers.__version__}, torch {torch.__version__}; margins {[r['smallest_greedy_margin'] for r in rows]}")
