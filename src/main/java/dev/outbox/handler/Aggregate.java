package dev.outbox.handler;

/**
 * What changes as one thing, and so what events are ordered by: those of one are delivered in order, and one that fails holds back only
 * the later ones of the same. An order and a parcel may have the same id.
 *
 * @param type what kind of thing, such as {@code order}
 * @param id which one: the key
 */
public record Aggregate(String type, String id) {}
