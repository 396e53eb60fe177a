#error "nlohmann is private to src/base/json.cpp: include base/json.hpp instead (docs/ARCHITECTURE.md, Layers)"
