/**
 * Real services, a real PostgreSQL and a sink of its own process under faults. Each scenario injects one kind of them while writers
 * write, then joins three histories: what the writers know, what the log has, what the sink got. Run by the Maven profile faults.
 */
package dev.outbox.faults;
