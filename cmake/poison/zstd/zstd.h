#error "zstd is private to src/cache/codec: include <envoyou/cache.hpp> instead (docs/ARCHITECTURE.md, Layers)"
