//! The order of the queue, and how much one worker gets.

use super::check;

#[test]
fn higher_priority_goes_first_even_where_lower_work_is_queued() {
    check(
        "> submit none 9 priority=low
         > offer n1,slots=1
         assign n1 Policy 0/0 1/0
         > t2 submit none 9 priority=high
         > t2 offer n1,slots=1
         assign n1 Policy 0/0 1/0
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         > t2 explain
         7 chunk(s) wait; 7 of them: waits for a node; of 1 node(s): it is busy: 3 replicas in flight, it gets at most 3 at once
         7 chunk(s) from 2, 1 missing: waits for a node; of 1 node(s): it is busy: 3 replicas in flight, it gets at most 3 at once
         - n1: it is busy: 3 replicas in flight, it gets at most 3 at once; wait, or connect more nodes",
    );
}

#[test]
fn age_lifts_a_task_over_a_higher_priority() {
    // Normal is one step below high: after 60 s of waiting it goes first.
    check(
        "> t3 submit none 2
         > t3 offer n1,slots=1
         assign n1 Policy 0/0 1/0
         > submit none 1
         > offer n1,slots=1
         > wait 60001
         > t2 submit none 1 priority=high
         > t3 n1 0/0=a 1/0=a
         chunk 0 winner 0 0:n1=Accepted; chunk 1 winner 0 0:n1=Accepted
         reduce
         assign n1 Policy 0/0
         > t2 offer n1,slots=1
         assign n1 Policy 0/0",
    );
}

#[test]
fn a_fast_worker_gets_more_and_a_slow_one_less() {
    check(
        "> submit none 40
         > offer n1,slots=1
         assign n1 Policy 0/0 1/0
         > wait 100
         > n1 0/0=a 1/0=a
         chunk 0 winner 0 0:n1=Accepted; chunk 1 winner 0 0:n1=Accepted
         assign n1 Policy 2/0 3/0 4/0 5/0 6/0 7/0 8/0 9/0 10/0 11/0",
    );
    check(
        "> submit none 40
         > offer n1,slots=1
         assign n1 Policy 0/0 1/0
         > wait 5000
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         assign n1 Policy 2/0
         > n1 1/0=a
         chunk 1 winner 0 0:n1=Accepted
         > wait 5000
         > n1 2/0=a
         chunk 2 winner 0 0:n1=Accepted
         assign n1 Policy 3/0",
    );
}

#[test]
fn strategies_choose_by_name() {
    check(
        "> submit none 4 place=round_robin
         > offer n1 n2
         assign n1 Policy 0/0 2/0
         assign n2 Policy 1/0 3/0",
    );
    check(
        "> submit none 4 place=cheapest
         > offer n1,price=9 n2,price=3
         assign n2 Policy 0/0 1/0 2/0 3/0",
    );
    check(
        "> submit none 4 place=data_local
         > offer n1,has=1 n2,has=0
         assign n1 Policy 1/0 3/0
         assign n2 Policy 0/0 2/0",
    );
}
