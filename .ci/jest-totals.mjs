// Prints "PASSED FAILED" of a jest run, from its JSON report and exit code.
import { readFileSync } from 'node:fs';

const [report = '', code] = process.argv.slice(2);
const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
  readFileSync(report, 'utf8'),
);
// A spec that could not be loaded has no tests to count, and jest may fail for a reason that is no test's.
const failed = numFailedTests + numRuntimeErrorTestSuites;
console.log(numPassedTests, failed === 0 && code !== '0' ? 1 : failed);
