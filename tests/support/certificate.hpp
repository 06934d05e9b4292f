#pragma once

#include <string>

namespace hubbub::tests {

/// A self-signed certificate and its key in a directory of their own, removed at the end.
class test_certificate {
public:
  /// Throws `std::runtime_error` when it cannot be made.
  explicit test_certificate(const std::string& common_name = "localhost");
  ~test_certificate();
  test_certificate(const test_certificate&) = delete;
  test_certificate& operator=(const test_certificate&) = delete;

  /// Puts another certificate and key in the same files.
  void renew(const std::string& common_name);
  [[nodiscard]] std::string certificate_file() const { return directory_ + "/certificate.pem"; }
  [[nodiscard]] std::string key_file() const { return directory_ + "/key.pem"; }
  /// Makes another file of the certificate, and behind it the same once more, for those who know a
  /// passphrase.
  [[nodiscard]] std::string locked_certificate_file() const;

private:
  std::string directory_;
};

} // namespace hubbub::tests
