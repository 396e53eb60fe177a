// The way of a caller that is alone: he sends his command and reads its answer himself, on his own thread, and the I/O
// thread sleeps on. That saves both thread switches of the usual way, which are half of what a lone call costs.
//
//   the usual way    caller --inbox--> I/O thread --> server --> I/O thread --futex--> caller
//   the direct way   caller ------------------------> server ------------------------> caller
//
// When. The I/O thread watches how callers come. After kLoneCalls blocking calls in a row that each found nothing in
// flight and nothing queued, it *mutes* its links before it sleeps (takes their descriptors out of the loop, so that an
// answer does not wake it, too) and *offers* the I/O role (io_role.hpp). Two that come at once, a pipeline, a callback:
// each ends the series, and the usual way is taken until there is a new one.
//
//   usual ----- kLoneCalls in a row, nothing in flight ----> offered ---- a caller borrows the role ----> direct
//     ^                                                      |    ^                                        |  |
//     |  the I/O thread wakes: a command of somebody else,   |    '---------------- answered --------------'  |
//     '--- a timer, kLinger without a direct call -----------'                                                |
//     '---- recalled, or something is not as it should be: the command stays in flight, the I/O thread reads -'
//
// What a caller does with the role is only what can not fail: look for stray bytes on the idle link, encode, write,
// wait for {link, recall} until the link's next due time, read, decode, complete; all of it by the same LinkCore as
// ever. Whatever else there is to do (a full socket, a link that ended, an answer that belongs to another question, a
// script that is sent again, a deadline, silence, a fence that is due) he leaves as it is: he gives the role back,
// wakes the I/O thread, which finds it in its next turn, and sleeps as every caller does. So links are closed, dials
// made and listeners told by the I/O thread alone, and a deadline is kept by the same code in both ways.
//
// How he waits. A server on the same machine answers in microseconds, so he first waits within recv(2), which saves a
// system call, and can not be recalled there; that lasts two ticks of the kernel at most (8 ms at 250 Hz, if the server
// has stopped), and is done only where the link's round trip is under half a millisecond and nothing is due for 20 ms.
// Then he waits for {link, recall}.
//
// Callbacks never run on a caller's thread: what is answered there is the caller's own command. (Its decoder does.)
//
// What an idle, muted link would have told, such as its end, is noticed by the next direct call before it sends, and
// else by the I/O thread at most 2 x kLinger after the last one.
//
// No wake-up is lost. Who posts a command finds the inbox asleep and wakes the loop, whose I/O thread then recalls the
// role; a caller goes the direct way only if the inbox is asleep, that is, empty. What he leaves undone he announces by
// waking the loop after he has given the role back.
//
// Thread rule: any thread.
#pragma once

#include "redis/io_role.hpp"
#include "redis/node.hpp"
#include "wire/loop.hpp"

#include <envoyou/clock.hpp>
#include <envoyou/redis/completion.hpp>

namespace envoyou::redis {

struct DirectWay {
  IoRole& role;
  Node& node;
  wire::Loop& loop;
  const Clock& clock;
};

// False: not now, and nothing of `submission` was taken. True: its reader has been told, or will be.
bool call_directly(const DirectWay& way, Submission& submission, const Terms& terms, TimePoint now);

}  // namespace envoyou::redis
