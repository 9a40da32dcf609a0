//! The name of the processor.

/// Brand string where the processor tells it, else the architecture.
#[cfg(target_arch = "x86_64")]
pub(super) fn name() -> String {
    use std::arch::x86_64::__cpuid;
    const BRAND: std::ops::RangeInclusive<u32> = 0x8000_0002..=0x8000_0004;
    if __cpuid(0x8000_0000).eax < *BRAND.end() {
        return "x86-64".to_string();
    }
    let bytes: Vec<u8> = BRAND
        .map(__cpuid)
        .flat_map(|r| [r.eax, r.ebx, r.ecx, r.edx])
        .flat_map(u32::to_le_bytes)
        .take_while(|&b| b != 0)
        .collect();
    String::from_utf8_lossy(&bytes).trim().to_string()
}

/// The architecture.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn name() -> String {
    std::env::consts::ARCH.to_string()
}
