// Documents of policies, for unit tests.
#pragma once

#include <string>
#include <string_view>

namespace envoyou::policy_documents {

inline std::string document(std::string_view policies) {
  return R"({"version": 1, "policies": )" + std::string(policies) + "}";
}

// A document of one policy, "api", with these members.
inline std::string api(std::string_view members) { return document("{\"api\": {" + std::string(members) + "}}"); }

inline constexpr std::string_view kRules = R"("rules": [{"limit": 30, "window": "60s"}])";

inline std::string api_and(std::string_view members) { return api(std::string(kRules) + ", " + std::string(members)); }

// A policy with one rule that has these members.
inline std::string rule(std::string_view members) { return api("\"rules\": [{" + std::string(members) + "}]"); }

}  // namespace envoyou::policy_documents
