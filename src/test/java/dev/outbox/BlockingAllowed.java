package dev.outbox;

import reactor.blockhound.BlockHound;
import reactor.blockhound.integration.BlockHoundIntegration;

/** What may block on threads that must not: short locks and reads of libraries, each with its reason. */
public final class BlockingAllowed implements BlockHoundIntegration {

    @Override
    public void applyTo(BlockHound.Builder builder) {
        // Netty's default allocator expands its arenas under a lock that is held for an instant.
        builder.allowBlockingCallsInside("io.netty.buffer.AdaptivePoolingAllocator", "allocate");
        // A timer that is cancelled leaves the queue under a lock that is held for an instant; Reactor allows entering
        // it only.
        builder.allowBlockingCallsInside("java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue", "remove");
        // The handshake of a password draws its nonce from /dev/urandom, which never waits. The embedded server trusts
        // its user and asks for none.
        builder.allowBlockingCallsInside("com.ongres.scram.common.ScramFunctions", "nonce");
    }
}
