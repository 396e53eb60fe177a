#error "openssl's digests and ciphers are private to src/base/crypto.cpp: include base/crypto.hpp instead (docs/ARCHITECTURE.md, Layers)"
