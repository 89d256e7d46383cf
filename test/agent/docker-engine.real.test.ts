import { inject } from 'vitest'
import { dockerEngine } from '../../agent/engine/docker.ts'
import { docker } from '../support/agents.ts'
import { dockerUnderTest } from '../support/docker-under-test.ts'
import { describeEngine } from './engine-contract.ts'

describeEngine('Docker', () => dockerUnderTest(docker(), dockerEngine(`unix://${inject('socketPath')}`)))
