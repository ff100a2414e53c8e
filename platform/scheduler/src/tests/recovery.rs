//! Restart by replay.

use super::check;

#[test]
fn a_restart_loses_what_was_in_flight_and_goes_on() {
    check(
        "> submit quorum=2 2
         > offer n1 n2
         assign n1 Policy 0/0 1/0
         assign n2 Policy 0/1 1/1
         > n1 0/0=a
         > restart
         lost n1 1/0: the requester restarted
         lost n2 0/1 1/1: the requester restarted
         > offer n1 n2
         > explain
         the plan is being read again after a restart
         1 chunk(s) from 0, 1 missing: waits for a node; of 2 node(s): the plan is being read again after a restart
         - n1: the plan is being read again after a restart; wait a moment
         - n2: the plan is being read again after a restart; wait a moment
         1 chunk(s) from 1, 2 missing: waits for a node; of 2 node(s): the plan is being read again after a restart
         - n1: the plan is being read again after a restart; wait a moment
         - n2: the plan is being read again after a restart; wait a moment
         > plan
         assign n1 Retry 1/2
         assign n2 Retry 0/2 1/3
         > n2 0/1=a
         chunk 0 winner 0 0:n1=Accepted 1:n2=Accepted
         lost n2 0/2: not needed any more
         cancel n2 0/2",
    );
}

#[test]
fn a_restart_while_reducing_asks_again() {
    check(
        "> submit none 1
         > offer n1
         assign n1 Policy 0/0
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         reduce
         > restart
         reduce
         > reduced
         completed
         > restart",
    );
}
