"""Makes a model directory with seeded random weights in Llama-3.1-8B's shape, and what transformers computes with it.

    python3 benchmarks/gpu/reference.py DIR [--layers 2] [--weights-only]

Writes config.json and model.safetensors (bfloat16), and without --weights-only:
golden.json   rows of prompt_token_ids, greedy_token_ids and smallest_greedy_margin, of a forward pass in float32
logits.f32    the last prompt position's logits of each row, float32, [rows, vocabulary]
and prints how far transformers' own float16 and bfloat16 are from its float32. Needs torch, transformers and a GPU.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file

VOCAB, HIDDEN, WIDTH, HEADS, KV_HEADS, HEAD = 128256, 4096, 14336, 32, 8, 128
LENGTHS, OUTPUTS = (1, 7, 333, 1500), 24


def config(layers):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": VOCAB,
        "hidden_size": HIDDEN,
        "intermediate_size": WIDTH,
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD,
        "hidden_act": "silu",
        "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5,
        "rope_theta": 500000.0,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
        "tie_word_embeddings": False,
        "attention_bias": False,
        "mlp_bias": False,
        "torch_dtype": "bfloat16",
        "bos_token_id": 128000,
        "eos_token_id": 128001,
    }


def weights(layers, generator):
    def matrix(rows, columns):
        drawn = torch.randn(rows, columns, generator=generator, device="cuda", dtype=torch.bfloat16)
        return (drawn * columns**-0.5 * 1.2).cpu()

    def norm():
        return (1 + 0.1 * torch.randn(HIDDEN, generator=generator, device="cuda")).bfloat16().cpu()

    out = {"model.embed_tokens.weight": matrix(VOCAB, HIDDEN)}
    for i in range(layers):
        at = f"model.layers.{i}."
        out[at + "input_layernorm.weight"] = norm()
        out[at + "self_attn.q_proj.weight"] = matrix(HEADS * HEAD, HIDDEN)
        out[at + "self_attn.k_proj.weight"] = matrix(KV_HEADS * HEAD, HIDDEN)
        out[at + "self_attn.v_proj.weight"] = matrix(KV_HEADS * HEAD, HIDDEN)
        out[at + "self_attn.o_proj.weight"] = matrix(HIDDEN, HEADS * HEAD)
        out[at + "post_attention_layernorm.weight"] = norm()
        out[at + "mlp.gate_proj.weight"] = matrix(WIDTH, HIDDEN)
        out[at + "mlp.up_proj.weight"] = matrix(WIDTH, HIDDEN)
        out[at + "mlp.down_proj.weight"] = matrix(HIDDEN, WIDTH)
    out["model.norm.weight"] = norm()
    out["lm_head.weight"] = matrix(VOCAB, HIDDEN)
    return out


@torch.inference_mode()
def reference(folder, generator):
    from transformers import AutoModelForCausalLM

    prompts = [
        torch.randint(0, VOCAB, (1, n), generator=generator, device="cuda") for n in LENGTHS
    ]

    def model(dtype):
        return AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="sdpa"
        ).to("cuda")

    rows, logits = [], []
    exact = model(torch.float32)
    for prompt in prompts:
        tokens, cache, given = [], None, prompt
        margin = float("inf")
        for _ in range(OUTPUTS):
            out = exact(given, past_key_values=cache, use_cache=True)
            last, cache = out.logits[0, -1].float(), out.past_key_values
            if not tokens:
                logits.append(last.cpu())
            best = last.topk(2)
            margin = min(margin, (best.values[0] - best.values[1]).item())
            tokens.append(best.indices[0].item())
            given = best.indices[:1].view(1, 1)
        rows.append(
            {
                "prompt_token_ids": prompt[0].tolist(),
                "greedy_token_ids": tokens,
                "smallest_greedy_margin": margin,
            }
        )
    del exact
    for dtype in (torch.float16, torch.bfloat16):
        other = model(dtype)
        errors = []
        for prompt, want in zip(prompts, logits):
            got = other(prompt).logits[0, -1].float().cpu()
            errors.append(((got - want).norm() / want.norm()).item())
        del other
        print(f"transformers in {str(dtype)[6:]}: relative logit error {max(errors):.2e}")
    (folder / "golden.json").write_text(json.dumps(rows))
    torch.stack(logits).numpy().astype("<f4").tofile(folder / "logits.f32")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--weights-only", action="store_true")
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    args.folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator(device="cuda").manual_seed(20)
    (args.folder / "config.json").write_text(json.dumps(config(args.layers), indent=1))
    save_file(weights(args.layers, generator), args.folder / "model.safetensors")
    if not args.weights_only:
        reference(args.folder, generator)


main()
