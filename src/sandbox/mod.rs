//! Both services in memory.
