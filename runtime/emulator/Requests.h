// Requests of a warp to global memory. Lanes run one after the other here, so a request is put together: the n-th
// access of one source line to one buffer by each lane, counted since the lanes last met. That is what the hardware
// sees where the lanes of a warp run through the same loop; where some lanes skip a round of a loop without meeting the
// others before the next one, a request may join accesses of different rounds.
#pragma once
#include <cstdint>
#include <vector>

namespace moe::emulator {

/// A place in the source that accesses one buffer in one direction, numbered per launch.
class Sites {
public:
  struct Site {
    uint32_t line;
    uint16_t buffer;
    bool store;
  };
  unsigned find(uint32_t line, int buffer, bool store);
  const Site &operator[](unsigned number) const { return sites[number]; }

private:
  std::vector<Site> sites;
  std::vector<std::vector<unsigned>> byLine;
};

inline unsigned Sites::find(uint32_t line, int buffer, bool store) {
  if (line >= byLine.size())
    byLine.resize(line + 1);
  for (unsigned number : byLine[line])
    if (sites[number].buffer == buffer && sites[number].store == store)
      return number;
  byLine[line].push_back(static_cast<unsigned>(sites.size()));
  sites.push_back({line, static_cast<uint16_t>(buffer), store});
  return static_cast<unsigned>(sites.size() - 1);
}

/// The open requests of one warp.
class WarpRequests {
public:
  /// `lane` touches the 32-byte sectors [first, last].
  void note(unsigned site, unsigned lane, uint64_t first, uint64_t last);
  /// Hands each request's number of sectors to `count(site, sectors)` and forgets them.
  template <typename Count> void close(Count &&count) {
    for (unsigned number : open) {
      AtSite &site = sites[number];
      for (unsigned n = 0; n < site.used; ++n)
        count(number, site.requests[n].distinct());
      site.reset();
    }
    open.clear();
  }

private:
  struct Request {
    unsigned count = 0;
    uint64_t sectors[64]; ///< of up to 32 lanes, neighbours that are equal only once
    uint64_t distinct();
  };
  struct AtSite {
    unsigned used = 0;
    std::vector<Request> requests;
    uint32_t done[32] = {}; ///< by lane
    void reset();
  };
  std::vector<AtSite> sites;
  std::vector<unsigned> open;
};

} // namespace moe::emulator
