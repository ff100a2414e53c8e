//! Bounded retries, deadlines, cancel, hedges and stalls.

use super::check;

#[test]
fn a_node_that_brings_nothing_is_not_asked_again_while_others_can_try() {
    check(
        "> submit none 1
         > offer n1 n2
         assign n1 Policy 0/0
         > n1 0/0=!host
         assign n2 Retry 0/1
         > n2 0/1=!host
         > explain
         1 chunk(s) wait; 1 of them: waits for a node; of 2 node(s): it refused or failed a replica of this task; it is asked again in 250 ms
         1 chunk(s) from 0, 1 missing: waits for a node; of 2 node(s): it refused or failed a replica of this task; it is asked again in 250 ms
         - n1: it refused or failed a replica of this task; it is asked again in 250 ms; wait; see the node's log for its reason
         - n2: it refused or failed a replica of this task; it is asked again in 250 ms; wait; see the node's log for its reason
         > wake
         in 250
         > wait 250
         assign n1 Retry 0/2
         > n1 0/2=a
         chunk 0 winner 2 0:n1=Undecided 1:n2=Undecided 2:n1=Accepted
         reduce",
    );
}

#[test]
fn attempts_are_bounded() {
    check(
        "> submit none 1
         > offer n1
         assign n1 Policy 0/0
         > n1 0/0=!host
         > wait 30000
         assign n1 Retry 0/1
         > lost n1 refused 0/1
         lost n1 0/1: the worker refused: queue full
         > wait 30000
         assign n1 Retry 0/2
         > n1 0/2=!host
         > wait 30000
         assign n1 Retry 0/3
         > n1 0/3=!host
         > wait 30000
         assign n1 Retry 0/4
         > n1 0/4=!host
         > wait 30000
         assign n1 Retry 0/5
         > n1 0/5=!host
         > wait 30000
         assign n1 Retry 0/6
         > n1 0/6=!host
         > wait 30000
         assign n1 Retry 0/7
         > n1 0/7=!host
         failed: chunk 0 got no verdict in 8 attempts; the last: the node failed: disk full",
    );
}

#[test]
fn a_limit_met_on_three_nodes_is_the_job_s_own() {
    check(
        "> submit none 1
         > offer n1 n2 n3 n4
         assign n1 Policy 0/0
         > n1 0/0=!mem
         assign n2 Retry 0/1
         > n2 0/1=!mem
         assign n3 Retry 0/2
         > n3 0/2=!mem
         failed: chunk 0 got no verdict in 3 attempts; the last: the memory limit of 64 bytes was reached; ask for more with --memory",
    );
}

#[test]
fn a_deadline_ends_the_task() {
    check(
        "> submit none 2 deadline=500
         > offer n1,slots=1
         assign n1 Policy 0/0 1/0
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         > wake
         in 500
         > wait 500
         lost n1 1/0: the task ended
         cancel n1 1/0
         failed: the deadline passed with 1 of 2 chunks accepted",
    );
}

#[test]
fn cancel_stops_what_runs_and_says_why() {
    check(
        "> submit quorum=2 1
         > offer n1 n2
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n1 0/0=a
         > cancel wrong file
         lost n2 0/1: the task ended
         cancel n2 0/1
         cancelled: wrong file
         > state
         Cancelled total=1 accepted=0 failed=0 recalled=0 running=1 waiting=0 spent=0 held=0
         > n2 0/1=a
         ignored 0/1: the task has ended",
    );
}

#[test]
fn a_straggler_is_hedged_and_the_first_result_counts() {
    check(
        "> submit none 5
         > offer n1,slots=2 n2,slots=2
         assign n1 Policy 0/0 2/0 4/0
         assign n2 Policy 1/0 3/0
         > wait 50
         > n1 0/0=a 2/0=a 4/0=a
         chunk 0 winner 0 0:n1=Accepted; chunk 2 winner 0 0:n1=Accepted; chunk 4 winner 0 0:n1=Accepted
         > wait 900
         > wait 100
         assign n1 Hedge 1/1 3/1
         > n1 1/1=b
         chunk 1 winner 1 1:n1=Accepted
         lost n2 1/0: not needed any more
         cancel n2 1/0
         > wait 200
         > n2 1/0=b 3/0=c
         chunk 3 winner 0 0:n2=Accepted
         lost n1 3/1: not needed any more
         cancel n1 3/1
         reduce
         ignored 1/0: the chunk was decided before this result came",
    );
}

#[test]
fn a_silent_worker_loses_its_replicas_but_a_late_result_still_counts() {
    check(
        "> submit none 1
         > offer n1
         assign n1 Policy 0/0
         > wait 69999
         > wait 1
         lost n1 0/0: the worker did not answer in time
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         reduce",
    );
}

#[test]
fn a_lost_connection_moves_the_work_at_once() {
    check(
        "> submit none 2
         > offer n1,slots=1 n2,slots=1
         assign n1 Policy 0/0
         assign n2 Policy 1/0
         > down n1
         lost n1 0/0: the worker disconnected
         assign n2 Retry 0/1
         > up n1
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         lost n2 0/1: not needed any more
         cancel n2 0/1",
    );
}
