#error "sockets are private to src/wire: include <envoyou/redis/client.hpp> instead (docs/ARCHITECTURE.md, Layers)"
