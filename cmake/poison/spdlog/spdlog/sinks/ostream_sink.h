#error "spdlog is private to src/adapters: include <envoyou/log.hpp> instead (docs/ARCHITECTURE.md, Layers)"
