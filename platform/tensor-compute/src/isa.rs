//! Instruction sets of the kernels. All give the same bits; they differ in speed only.

/// An instruction set that the kernels of class `exact` are written for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Isa {
    /// x86-64 with AVX-512F.
    Avx512,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// 64-bit ARM.
    Neon,
    /// Any machine. Fused multiply-add in software where the processor has none: right, and slow.
    Scalar,
}

impl Isa {
    /// The fastest that this processor has.
    pub fn detect() -> Self {
        Self::available().into_iter().next().unwrap_or(Self::Scalar)
    }

    /// All that this processor has, fastest first; ends with [`Isa::Scalar`].
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 && is_x86_feature_detected!("avx512f") {
                found.push(Self::Avx512);
            }
            if avx2 {
                found.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        found.push(Self::Scalar);
        found
    }

    /// The name shown to operators.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
            Self::Neon => "NEON",
            Self::Scalar => "scalar",
        }
    }
}
