/** The example application: a user of the engine like any other. Nothing of the engine knows it. */
@NullMarked
package dev.outbox.shop;

import org.jspecify.annotations.NullMarked;
