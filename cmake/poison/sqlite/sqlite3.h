#error "SQLite is private to src/storage: include storage/database.hpp instead (docs/ARCHITECTURE.md, Layers)"
