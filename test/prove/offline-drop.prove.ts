/** A link on which packets are dropped, in a network namespace. */
import { proveMatrix } from '../support/connectivity-matrix.ts'

proveMatrix('drop')
