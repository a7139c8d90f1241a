// One launch: blocks, warps and threads, who runs next, and where they meet.
//
// With seed 0 one block runs at a time, in it one warp as long as any of its lanes can go on, then the lowest one that
// can, in that the lowest lane; and a thread runs until it waits. With any other seed several blocks run at a time, and
// who goes on is drawn at random each time that a thread waits, and now and then before an access to memory.
//
// A thread waits at a block barrier for all threads of its block, at a shuffle, vote, reduction or warp barrier for all
// 32 lanes of its warp. Threads that meet must be in the same kind of call on the same line. When threads wait and no
// other thread of the block can go on, those never come: that is reported, and ends the launch. Threads that have
// returned do not count as present, although the hardware lets a block barrier pass without them.
#pragma once
#include "Fibers.h"
#include "Findings.h"
#include "Memory.h"
#include "Program.h"
#include "Requests.h"

namespace moe::emulator {

/// What a call is made of.
struct CallState {
  std::vector<Buffer> buffers;
  Findings findings;
  uint32_t nextBlock = 1; ///< serial number
};

/// What a launch counts besides the buffers' own counts.
struct LaunchCounts {
  uint64_t sharedLoads = 0, sharedStores = 0, sharedBytes = 0;
  uint64_t shuffles = 0, warpBarriers = 0, blockBarriers = 0;
};

class Launch {
public:
  Launch(CallState &call, const Program &program, const Kernel &kernel, const moe_emulator_launch &description);
  /// One at a time in the process. Runs to the end or to a finding that nothing can follow.
  void run();
  LaunchCounts counts;

private:
  struct Thread {
    moe_coordinates coordinates;
    uint32_t waitsAt = 0;     ///< line
    uint32_t lastOwnLine = 0; ///< in the kernel itself
    uint8_t turn = 0;
    moe_meeting_kind kind = MOE_SHUFFLE;
  };
  /// Masks of lanes. Values of two meetings: a lane may be one meeting ahead of another that has yet to read.
  struct Warp {
    uint32_t ready, meeting, atBarrier, done;
    uint8_t turn;
    moe_word64 values[2][32], result[2];
    WarpRequests requests;
  };
  struct Block {
    uint32_t readyWarps;
    unsigned waiting, done; ///< threads at the block barrier, threads that have returned
    std::vector<Warp> warps;
    std::vector<Thread> threads;
    BlockOrder order;
    std::vector<std::unique_ptr<SharedVariable>> shared;
  };
  struct Abandon {};

  // The thread that runs.
  Block &block() { return *slots[slot]; }
  Warp &warp() { return block().warps[thread / 32]; }
  Thread &self() { return block().threads[thread]; }
  uint32_t laneBit() const { return 1u << thread % 32; }
  Who who(uint32_t line, bool atomic, bool inShared);

  // Services.
  void access(moe_access_kind kind, const char *base, int64_t offset, void *value, unsigned bytes, uint32_t line);
  void accessShared(const Access &access, const char *base, uint32_t line);
  void accessOutside(const Access &access, const char *base, uint32_t line);
  Buffer *findBuffer(const char *base, uint32_t line);
  void noteRequest(const Buffer &buffer, const Access &access, uint32_t line);
  moe_word64 meet(moe_meeting_kind kind, moe_word64 value, unsigned from, uint32_t line);
  void syncBlock(uint32_t line);
  void fence(uint32_t line);
  int badConstant(int index, int size, uint32_t line);
  static const moe_services services;
  static Launch &running() { return *current; }
  static Launch *current;

  // Meetings.
  void openMeeting();
  void openBarrier();
  void closeRequests(Warp &warp);
  void reportMixed(moe_emulator_finding_kind kind, unsigned one, unsigned other, const char *what);
  void reportStuck();
  std::string describeWaiting();
  std::string waitText(unsigned number);

  // Schedule.
  static void threadMain(size_t fiber);
  void runThread();
  void startBlock(size_t number);
  void endThread();
  void endBlock();
  void leave();
  void interrupt();
  Fiber &pick();
  Fiber &resume(size_t newSlot, unsigned newThread);
  Fiber &pickUnfinished();
  unsigned drawBit(uint32_t mask);
  uint64_t draw();

  CallState &call;
  const Program &program;
  const Kernel &kernel;
  const moe_emulator_launch &description;
  const unsigned threads, warps;
  const uint32_t firstBlock;

  Releases releases;
  Sites sites;
  Buffer *recent[256] = {}; ///< by line: the buffer accessed last
  std::vector<std::unique_ptr<Block>> slots;
  std::vector<size_t> active;  ///< slots with blocks that run
  std::vector<unsigned> order; ///< in which the blocks start; the serial number counts along it
  size_t nextInOrder = 0;
  size_t slot = 0;
  unsigned thread = 0;
  bool abandoned = false;
  bool random;
  uint64_t randomState, interruptMask = 0, jumpMask = 0;
  Fiber *caller = nullptr;
  FiberPool *fibers = nullptr;
  const moe_coordinates **coordinates = nullptr;
};

} // namespace moe::emulator
