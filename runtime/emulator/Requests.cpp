// Requests: collecting and counting sectors.
#include "Requests.h"

#include <algorithm>
#include <cstring>

namespace moe::emulator {

void WarpRequests::note(unsigned number, unsigned lane, uint64_t first, uint64_t last) {
  if (number >= sites.size())
    sites.resize(number + 1);
  AtSite &site = sites[number];
  const uint32_t n = site.done[lane]++;
  if (n >= site.used) {
    if (site.used == 0)
      open.push_back(number);
    site.used = n + 1;
    if (site.requests.size() < site.used)
      site.requests.resize(site.used);
    site.requests[n].count = 0;
  }
  Request &request = site.requests[n];
  for (uint64_t sector = first; sector <= last; ++sector)
    if (request.count == 0 || request.sectors[request.count - 1] != sector)
      request.sectors[request.count++] = sector;
}

void WarpRequests::AtSite::reset() {
  used = 0;
  std::memset(done, 0, sizeof(done));
}

uint64_t WarpRequests::Request::distinct() {
  if (!std::is_sorted(sectors, sectors + count))
    std::sort(sectors, sectors + count);
  return static_cast<uint64_t>(std::unique(sectors, sectors + count) - sectors);
}

} // namespace moe::emulator
