// A directory of mode 0700 for one test, removed with all that is in it at the end.
//
// Throws std::runtime_error where no directory can be made. Thread rule: as std::filesystem::path.
#pragma once

#include <filesystem>
#include <string_view>

namespace envoyou::testing {

class TempDir {
 public:
  // `name` goes into the directory's name, so that a listing tells whose it is.
  explicit TempDir(std::string_view name = "test");
  ~TempDir();
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(std::string_view file) const { return path_ / file; }

 private:
  void remove() noexcept;

  std::filesystem::path path_;
};

}  // namespace envoyou::testing
