import { test } from 'vitest'
import { expectNoHarmOfMalformed } from '../support/malformed-packets.ts'

test('10,000 packets that are no good harm nobody', () => expectNoHarmOfMalformed(10_000))
