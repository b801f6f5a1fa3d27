//! Named servers, worked out from published figures. Rough on purpose: a real server needs a measurement.
//!
//! What goes in: bandwidth, dense 16-bit arithmetic and memory of the GPU as in its maker's data sheet; parameters, layers and heads as in
//! the model's published configuration (16-bit weights and cache). What comes out is a roofline: a step reads all weights once, and
//! each sequence's part of the KV cache, at 70 % of the bandwidth; a token costs two operations per parameter at 50 % of the
//! arithmetic; 90 % of the memory, less weights and 2 GB per GPU, hold the KV cache. 256 slots and 2,048 tokens per step are common
//! defaults. The two shares are assumptions.

use std::time::Duration;

use super::config::ServingConfig;

const OF_BANDWIDTH: f64 = 0.7;
const OF_ARITHMETIC: f64 = 0.5;
const OF_MEMORY: f64 = 0.9;
/// Bytes for activations and the runtime, per GPU.
const RESERVED: f64 = 2e9;
const BYTES: f64 = 2.0;

/// A GPU by its data sheet.
struct Gpu {
    /// Bytes per second.
    bandwidth: f64,
    /// Dense 16-bit floating-point operations per second.
    arithmetic: f64,
    /// Bytes.
    memory: f64,
}

/// NVIDIA A100 80GB SXM, data sheet: 2,039 GB/s, 312 TFLOPS.
const A100: Gpu = Gpu { bandwidth: 2_039e9, arithmetic: 312e12, memory: 80e9 };
/// NVIDIA H100 80GB SXM, data sheet: 3.35 TB/s, 989 TFLOPS (1,979 with sparsity).
const H100: Gpu = Gpu { bandwidth: 3_350e9, arithmetic: 989e12, memory: 80e9 };
/// NVIDIA L4, data sheet: 300 GB/s, 121 TFLOPS (242 with sparsity), 24 GB.
const L4: Gpu = Gpu { bandwidth: 300e9, arithmetic: 121e12, memory: 24e9 };

/// A model by its configuration.
struct Model {
    parameters: f64,
    layers: f64,
    kv_heads: f64,
    head_size: f64,
}

const LLAMA_2_7B: Model = Model { parameters: 6.74e9, layers: 32.0, kv_heads: 32.0, head_size: 128.0 };
const LLAMA_3_1_8B: Model = Model { parameters: 8.03e9, layers: 32.0, kv_heads: 8.0, head_size: 128.0 };
const LLAMA_3_1_70B: Model = Model { parameters: 70.6e9, layers: 80.0, kv_heads: 8.0, head_size: 128.0 };

/// A named server.
pub struct Preset {
    /// As written on the command line.
    pub name: &'static str,
    /// One line for lists.
    pub about: &'static str,
    config: fn() -> ServingConfig,
}

impl Preset {
    /// Its figures.
    pub fn config(&self) -> ServingConfig {
        (self.config)()
    }
}

/// All presets, by name; `custom` is what is not one of them.
pub static PRESETS: &[Preset] = &[
    Preset {
        name: "custom",
        about: "8 slots of up to about 100 tokens/s, for figures of your own",
        config: ServingConfig::default,
    },
    Preset {
        name: "llama-2-7b-a100",
        about: "Llama 2 7B on one A100 80GB, an approximation",
        config: || roofline(&LLAMA_2_7B, &A100, 1.0),
    },
    Preset {
        name: "llama-3.1-70b-4xh100",
        about: "Llama 3.1 70B on four H100 80GB, an approximation",
        config: || roofline(&LLAMA_3_1_70B, &H100, 4.0),
    },
    Preset {
        name: "llama-3.1-8b-h100",
        about: "Llama 3.1 8B on one H100 80GB, an approximation",
        config: || roofline(&LLAMA_3_1_8B, &H100, 1.0),
    },
    Preset {
        name: "llama-3.1-8b-l4",
        about: "Llama 3.1 8B on one L4 24GB, an approximation",
        config: || roofline(&LLAMA_3_1_8B, &L4, 1.0),
    },
];

impl ServingConfig {
    /// The preset of that name.
    ///
    /// # Errors
    /// There is none; the text lists all.
    pub fn preset(name: &str) -> Result<Self, String> {
        let found = PRESETS.iter().find(|preset| preset.name == name.trim());
        found.map(Preset::config).ok_or_else(|| {
            let known: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
            format!("`{name}` is no preset; known: {}", known.join(", "))
        })
    }
}

fn roofline(model: &Model, gpu: &Gpu, gpus: f64) -> ServingConfig {
    let bandwidth = gpu.bandwidth * gpus * OF_BANDWIDTH;
    let prefill_rate = gpu.arithmetic * gpus * OF_ARITHMETIC / (2.0 * model.parameters);
    let weights = model.parameters * BYTES;
    // Keys and values.
    let kv_token = 2.0 * model.layers * model.kv_heads * model.head_size * BYTES;
    let kv_bytes = gpus * (gpu.memory * OF_MEMORY - RESERVED) - weights;
    ServingConfig {
        slots: 256,
        kv_tokens: Some((kv_bytes / kv_token) as u64),
        prefill_rate,
        prefill_chunk: 2048,
        step_time: Duration::from_secs_f64(weights / bandwidth),
        step_per_seq: Duration::from_secs_f64(1.0 / prefill_rate),
        step_per_kv_token: Duration::from_secs_f64(kv_token / bandwidth),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_in_order_and_plausible() {
        assert!(PRESETS.is_sorted_by(|a, b| a.name < b.name));
        for preset in PRESETS {
            assert_eq!(preset.config().problems(), Vec::<String>::new(), "{}", preset.name);
        }
        let a100 = ServingConfig::preset("llama-2-7b-a100").unwrap();
        // 13.48 GB at 1,427 GB/s; 512 KiB of cache per token.
        assert!((a100.step_time.as_secs_f64() * 1e3 - 9.44).abs() < 0.05, "{a100:?}");
        assert!((100_000..115_000).contains(&a100.kv_tokens.unwrap()), "{a100:?}");
        assert!(ServingConfig::preset("gpt-9").unwrap_err().contains("llama-3.1-8b-l4"));
    }
}
