/**
 * A message of a device in the outbox of the bridge, byte for byte: what stands in it, `class`, `epoch` and `seq` among
 * others, is the device's, and consumers tell by it what they have seen. Pure.
 */
import type { MessageClass } from '../../src/protocol/queued.ts'
import { readObject } from './via.ts'

export const packMessage = (payload: Buffer): { readonly payload: string } => ({ payload: payload.toString('base64') })

export type Unpacked =
  | { readonly kind: 'message'; readonly payload: Buffer }
  /** The outbox itself tells of what it dropped. */
  | { readonly kind: 'report'; readonly payload: Buffer }

/** @param bytes as the outbox sends it, in an envelope of its own */
export const unpackMessage = (bytes: Buffer): Unpacked => {
  const packed = readObject(bytes)?.payload
  return typeof packed === 'string'
    ? { kind: 'message', payload: Buffer.from(packed, 'base64') }
    : { kind: 'report', payload: bytes }
}

/** An alarm is an event that says so. */
export const classOf = (routed: MessageClass, payload: Buffer): MessageClass =>
  routed === 'event' && readObject(payload)?.class === 'alarm' ? 'alarm' : routed
