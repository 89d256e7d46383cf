/** What a bridge says of itself on the broker above: that it is there, and by its will that it is not. */
import { type BridgeStatus, bridgeStatusSchema } from '../../src/protocol/bridge.ts'
import { readPayload, writePayload } from '../../src/protocol/payload.ts'

/** Two that write over each other's words must not go on for ever. */
const mostAnswers = 5

export const createLife = (input: {
  readonly site: string
  readonly version: string
  /** random, of this process */
  readonly instance: string
  readonly nowMs: () => number
}) => {
  const { site, version, instance } = input
  let answers = 0
  let isOver = false
  let bornAt = 0

  const status = (online: boolean): Buffer =>
    writePayload({ schema: 1, at: input.nowMs(), online, site, version, instance } satisfies BridgeStatus)

  const read = (payload: Buffer): BridgeStatus | undefined => {
    const found = readPayload(bridgeStatusSchema, payload)
    return found.ok ? found.value : undefined
  }

  return {
    begin: (): void => {
      answers = 0
      isOver = false
    },
    /** From here on it is right that it is not there. */
    end: (): void => {
      isOver = true
    },
    birth: (): Buffer => {
      bornAt = input.nowMs()
      return status(true)
    },
    will: (): Buffer => status(false),
    isOwn: (payload: Buffer): boolean => read(payload)?.instance === instance,
    /** What is done about a status that stands above: the late will of an older connection is answered with the birth. */
    judge: (payload: Buffer): 'birth' | 'another' | 'nothing' => {
      if (isOver) return 'nothing'
      const found = read(payload)
      if (found?.online === true && found.instance === instance) return 'nothing'
      // An older birth is one that waited in the session: this process is not the first of its name.
      if (found?.online === true && found.at > bornAt) return 'another'
      answers += 1
      return answers > mostAnswers ? 'nothing' : 'birth'
    },
  }
}
