// Asks a server what it can: which questions, and what their answers mean.
//
// Each question has no effect, or none but on the link it goes down (CLIENT SETINFO, which is for the operator's CLIENT
// LIST). Some are asked wrongly on purpose: a server that complains of the argument lets the command.
//
//   a value, or the complaint that was expected           --> kYes
//   NOPERM, or "unknown command" in one of its spellings  --> kNo
//   anything else (LOADING, BUSY, ...)                    --> stays unknown
//
// Pure; confined to the I/O role.
#pragma once

#include <envoyou/redis/capabilities.hpp>
#include <envoyou/redis/command.hpp>
#include <envoyou/redis/reply.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace envoyou::redis {

// In the order in which `take_probe_answer` numbers them. `username`: whom the link is authenticated as; may be empty.
std::vector<Words> probe_questions(std::string_view username);

// What the answer to question `index` shows.
void take_probe_answer(std::size_t index, const ReplyView& answer, Capabilities& into);

}  // namespace envoyou::redis
