#error "xxHash is private to src/base/hash.cpp: include base/hash.hpp instead (docs/ARCHITECTURE.md, Layers)"
