/** Collects a plan while it is made: leaves out what failed lately, and keeps the earliest time to look again. */
import type { Reason } from '../../src/protocol/reason.ts'
import type { Memory } from './memory.ts'
import { type Operation, operationKey } from './operation.ts'
import type { Gate } from './plan-contract.ts'

export type Draft = {
  readonly operations: Operation[]
  /** those of the operations that did not fail before */
  readonly progress: Operation[]
  readonly waits: Reason[]
  /**
   * Adds an operation, or, while its last failure is fresh, only a wait for that failure's reason. A new try does not end
   * the wait: what is reported would change back and forth with each of them.
   */
  readonly propose: (operation: Operation) => void
  readonly wait: (reason: Reason) => void
  readonly waitForGates: (gates: readonly Gate[]) => void
  readonly wakeAt: (at: number) => void
  readonly earliestWake: () => number | undefined
}

export const newDraft = (memory: Memory, now: number): Draft => {
  const operations: Operation[] = []
  const progress: Operation[] = []
  const waits: Reason[] = []
  let earliest: number | undefined
  const wakeAt = (at: number): void => {
    earliest = earliest === undefined ? at : Math.min(earliest, at)
  }
  const wait = (reason: Reason): void => {
    if (!waits.some(({ code, message }) => code === reason.code && message === reason.message)) waits.push(reason)
  }
  return {
    operations,
    progress,
    waits,
    wait,
    waitForGates: (gates) => {
      for (const gate of gates) {
        wait(gate.reason)
        if (gate.wakeAt !== undefined) wakeAt(gate.wakeAt)
      }
    },
    wakeAt,
    earliestWake: () => earliest,
    propose: (operation) => {
      const failure = memory.failures[operationKey(operation)]
      if (failure === undefined) progress.push(operation)
      else wait(failure.reason)
      if (failure === undefined || failure.retryAt <= now) operations.push(operation)
      else wakeAt(failure.retryAt)
    },
  }
}
