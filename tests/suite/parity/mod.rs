//! Kernel against twin, from equal states.
