"""Makes a tiny llama-architecture model with random weights, for tests/real: `make_model.py OUT.gguf`.

Two layers, a 4,096-token vocabulary trained on invented words, a fixed seed: the text it writes is nonsense, but
it is written token by token by llama.cpp's real server, with that server's real timings. Called by check.py.

The vocabulary holds printable ASCII only. A token is then always whole UTF-8, so the server never has to hold text
back until a character is complete, and every token leaves in an event of its own.
"""

import argparse
import os
import random
import sys

import gguf
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SEED = 20260101
VOCABULARY = 4096
LAYERS = 2
WIDTH = 512
HEADS = 8
FEED_FORWARD = 1536
CONTEXT = 4096
SPECIALS = ["<s>", "</s>"]
# One turn per line; the closing "assistant:" is what the model continues.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def invented_words(count):
    """`count` pronounceable words from a seeded generator: text whose licence nobody has to ask about."""
    rng = random.Random(SEED)
    onsets = "b br c ch d dr f g gr h j k l m n p pl qu r s sh st t th tr v w y z".split()
    nuclei = "a e i o u ai ea ie oo ou".split()
    codas = ["", "", "", "n", "r", "s", "t", "l", "nd", "ck", "mp"]
    words = set()
    while len(words) < count:
        syllables = rng.randint(1, 3)
        words.add("".join(rng.choice(onsets) + rng.choice(nuclei) + rng.choice(codas) for _ in range(syllables)))
    return sorted(words)


def train_tokenizer():
    """A byte-level BPE with exactly VOCABULARY tokens: specials, printable ASCII, merges."""
    rng = random.Random(SEED + 1)
    words = invented_words(6000)
    weights = [1.0 / (rank + 10) for rank in range(len(words))]
    rng.shuffle(words)
    lines = []
    for _ in range(4000):
        line = " ".join(rng.choices(words, weights, k=rng.randint(5, 18)))
        lines.append(line.capitalize() + rng.choice(".!?"))
    # Every printable character occurs, so that any English prompt can be encoded.
    lines.append("".join(chr(c) for c in range(33, 127)) + "\n")

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIALS, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    if tokenizer.get_vocab_size() != VOCABULARY:
        sys.exit(f"make_model: the trainer made {tokenizer.get_vocab_size()} tokens instead of {VOCABULARY}; "
                 "give it more text (train_tokenizer in tests/real/make_model.py)")
    return tokenizer


def write_tokenizer(writer, tokenizer):
    """Puts the vocabulary, its merges and the chat template into the file, in the form of a GPT-2 vocabulary."""
    import json

    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    tokens = [text for text, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    kinds = [gguf.TokenType.CONTROL if text in SPECIALS else gguf.TokenType.NORMAL for text in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)  # the template writes it
    writer.add_chat_template(CHAT_TEMPLATE)


def write_weights(writer):
    """Gaussian weights from one seeded generator; norms are ones. Matrices are f16, as small models usually are."""
    rng = np.random.default_rng(SEED)

    def matrix(name, rows, columns, scale):
        writer.add_tensor(name, (rng.standard_normal((rows, columns), dtype=np.float32) * scale).astype(np.float16))

    def norm(name):
        writer.add_tensor(name, np.ones(WIDTH, dtype=np.float32))

    inner = 1.0 / np.sqrt(WIDTH)
    matrix("token_embd.weight", VOCABULARY, WIDTH, 1.0)
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        norm(block + "attn_norm.weight")
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(block + name + ".weight", WIDTH, WIDTH, inner)
        norm(block + "ffn_norm.weight")
        matrix(block + "ffn_gate.weight", FEED_FORWARD, WIDTH, inner)
        matrix(block + "ffn_up.weight", FEED_FORWARD, WIDTH, inner)
        matrix(block + "ffn_down.weight", WIDTH, FEED_FORWARD, 1.0 / np.sqrt(FEED_FORWARD))
    norm("output_norm.weight")
    matrix("output.weight", VOCABULARY, WIDTH, inner)


def main():
    parser = argparse.ArgumentParser(description="make a tiny random llama model")
    parser.add_argument("out", help="path of the .gguf file to write")
    out = parser.parse_args().out

    # Written beside the target and renamed: an interrupted run never leaves half a model behind.
    partial = out + ".partial"
    writer = gguf.GGUFWriter(partial, "llama")
    writer.add_name("inrush-tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(VOCABULARY)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    write_tokenizer(writer, train_tokenizer())
    write_weights(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(partial, out)
    print(f"{out}: {os.path.getsize(out) / 1e6:.1f} MB, {LAYERS} layers, {VOCABULARY} tokens", file=sys.stderr)


if __name__ == "__main__":
    main()
