//! peer-network
