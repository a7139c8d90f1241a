// The cubin cache on disk: damage of every kind counts as absent, several processes share one folder, and a folder that
// cannot be written to is no failure.
#include "CubinCache.h"

#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace moe::rt;

namespace {

/// Code with zero bytes and every other byte value, different per seed.
std::string codeOf(unsigned seed) {
  std::string code;
  for (unsigned i = 0; i < 20000; ++i)
    code += static_cast<char>(i * (seed * 2 + 1) + seed);
  return code;
}

class CubinCache : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = std::string(MOE_TEST_OUTPUT_DIR) + "/cache.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root = pattern;
    directory = root + "/deep/er";
    ASSERT_TRUE(writeCached(directory, key, code));
    path = cacheFile(directory, key);
  }
  void TearDown() override {
    chmod(directory.c_str(), 0700);
    for (const std::string &file : files())
      unlink((directory + "/" + file).c_str());
    rmdir(directory.c_str());
    rmdir((root + "/deep").c_str());
    unlink((root + "/file").c_str());
    rmdir(root.c_str());
  }
  std::vector<std::string> files() {
    std::vector<std::string> names;
    DIR *folder = opendir(directory.c_str());
    for (dirent *entry; folder && (entry = readdir(folder));)
      if (entry->d_name[0] != '.')
        names.push_back(entry->d_name);
    if (folder)
      closedir(folder);
    return names;
  }
  std::string contents() {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void replace(const std::string &bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }
  bool hit() {
    std::string found;
    bool read = readCached(directory, key, found);
    EXPECT_TRUE(!read || found == code) << "wrong code was taken for the right one";
    return read;
  }

  std::string key = "nvrtc 13.0\n--gpu-architecture=sm_80\nsource", code = codeOf(0), root, directory, path;
};

TEST_F(CubinCache, GivesBackWhatWasWritten) {
  EXPECT_TRUE(hit());
  EXPECT_EQ(files().size(), 1u) << "temporary files stayed behind";
}

TEST_F(CubinCache, AnotherKeyIsAnotherFile) {
  std::string found;
  EXPECT_FALSE(readCached(directory, key + " ", found));
  EXPECT_NE(cacheFile(directory, key + " "), path);
  ASSERT_TRUE(writeCached(directory, key + " ", codeOf(1)));
  EXPECT_TRUE(readCached(directory, key + " ", found));
  EXPECT_EQ(found, codeOf(1));
  EXPECT_TRUE(hit());
}

TEST_F(CubinCache, AnotherKeyOfTheSameHashIsAbsent) {
  std::string other = "another source", found;
  ASSERT_EQ(rename(path.c_str(), cacheFile(directory, other).c_str()), 0); // as if the hashes had collided
  EXPECT_FALSE(readCached(directory, other, found));
}

TEST_F(CubinCache, TruncatedAtAnyLengthIsAbsentAndRewritten) {
  std::string whole = contents();
  for (size_t length : {size_t(0), size_t(1), size_t(39), size_t(40), size_t(60), whole.size() / 2, whole.size() - 1}) {
    replace(whole.substr(0, length));
    EXPECT_FALSE(hit()) << length;
  }
  ASSERT_TRUE(writeCached(directory, key, code));
  EXPECT_TRUE(hit());
}

TEST_F(CubinCache, AnyChangedByteIsAbsent) {
  std::string whole = contents();
  for (size_t position = 0; position < whole.size(); position += position < 200 ? 1 : 997) {
    std::string damaged = whole;
    damaged[position] = static_cast<char>(damaged[position] ^ 0x40);
    replace(damaged);
    EXPECT_FALSE(hit()) << position;
  }
  replace(whole + "x");
  EXPECT_FALSE(hit()) << "longer than it says";
  replace(whole);
  EXPECT_TRUE(hit());
}

TEST_F(CubinCache, AFolderInTheFilesPlaceIsAbsent) {
  unlink(path.c_str());
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  EXPECT_FALSE(hit());
  EXPECT_FALSE(writeCached(directory, key, code));
  EXPECT_EQ(files().size(), 1u) << "a temporary file stayed behind";
  rmdir(path.c_str());
}

TEST_F(CubinCache, FoldersThatCannotBeMadeOrWritten) {
  std::ofstream(root + "/file") << "in the way";
  std::string found;
  for (const std::string &impossible : {root + "/file/below", std::string("/proc/moe-cache")}) {
    EXPECT_FALSE(writeCached(impossible, key, code)) << impossible;
    EXPECT_FALSE(readCached(impossible, key, found)) << impossible;
  }
  if (geteuid() == 0)
    return; // To root no folder is read-only.
  ASSERT_EQ(chmod(directory.c_str(), 0500), 0);
  EXPECT_FALSE(writeCached(directory, key + " ", code));
  EXPECT_TRUE(hit());
}

TEST_F(CubinCache, FullDiskLeavesNothingBehind) {
  pid_t child = fork();
  if (child == 0) { // A limit on file size stands for the full disk: write fails in the middle.
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit = {5000, 5000};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(writeCached(directory, key + " ", code) ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the write was said to have worked";
  EXPECT_EQ(files().size(), 1u);
  EXPECT_TRUE(hit());
}

TEST_F(CubinCache, ProcessesShareOneFolder) {
  // Each process writes and reads the same keys; a reader must see nothing or the whole code of just that key.
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    pid_t child = fork();
    if (child == 0) {
      int wrong = 0;
      for (unsigned round = 0; round < 60; ++round) {
        unsigned seed = round % 3;
        std::string mine = key + std::to_string(seed), found;
        if (readCached(directory, mine, found) && found != codeOf(seed))
          ++wrong;
        if (!writeCached(directory, mine, codeOf(seed)))
          ++wrong;
        if (!readCached(directory, mine, found) || found != codeOf(seed))
          ++wrong;
      }
      _exit(wrong ? 1 : 0);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_EQ(files().size(), 4u) << "temporary files stayed behind";
}

TEST(CacheFolder, FollowsArgumentThenEnvironment) {
  setenv("MOE_CACHE_DIR", "/from/variable", 1);
  EXPECT_EQ(cacheDirectory("/from/argument"), "/from/argument");
  EXPECT_EQ(cacheDirectory(""), "");
  EXPECT_EQ(cacheDirectory(nullptr), "/from/variable");
  setenv("MOE_CACHE_DIR", "", 1);
  EXPECT_EQ(cacheDirectory(nullptr), "");
  unsetenv("MOE_CACHE_DIR");
  setenv("XDG_CACHE_HOME", "/xdg", 1);
  EXPECT_EQ(cacheDirectory(nullptr), "/xdg/moe");
  setenv("XDG_CACHE_HOME", "relative", 1);
  setenv("HOME", "/home/someone", 1);
  EXPECT_EQ(cacheDirectory(nullptr), "/home/someone/.cache/moe");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  EXPECT_EQ(cacheDirectory(nullptr), "");
  std::string found;
  EXPECT_FALSE(writeCached("", "key", "code"));
  EXPECT_FALSE(readCached("", "key", found));
}

} // namespace
