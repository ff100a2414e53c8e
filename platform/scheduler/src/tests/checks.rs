//! Policy `check`: what the job's own verifier accepts, refutes, and cannot say.

use super::check;

#[test]
fn one_checked_replica_is_enough() {
    check(
        "> submit check 2
         > offer n1 n2
         assign n1 Policy 0/0
         assign n2 Policy 1/0
         > n1 0/0=a
         check 0/0
         > chunk 0
         undecided after 1 replica(s): the job's check is looking at a result
         > check 0/0=right
         chunk 0 winner 0 0:n1=Accepted
         > n2 1/0=b
         check 1/0
         > explain
         nothing waits; 0 replica(s) are running, the job's check is looking at 1 result(s)
         > check 1/0=right
         chunk 1 winner 0 0:n2=Accepted
         reduce
         > reduced
         completed",
    );
}

#[test]
fn a_refuted_result_is_a_lie_and_its_chunk_runs_elsewhere() {
    check(
        "> submit check 2
         > offer n1
         assign n1 Policy 0/0 1/0
         > n1 0/0=lie
         check 0/0
         > offer n1 n2
         > check 0/0=wrong
         distrust n1 chunk 0
         lost n1 1/0: not needed any more
         cancel n1 1/0
         assign n2 Escalation 0/1
         assign n2 Retry 1/1
         > n2 0/1=a 1/1=b
         check 0/1 1/1
         > check 0/1=right 1/1=right
         chunk 0 winner 1 0:n1=Wrong 1:n2=Accepted; chunk 1 winner 1 1:n2=Accepted
         reduce
         > chunk 0
         accepted the value of attempt 1: 0202020202 agreed, 0101010101 contradicted; refuted by the job's check: 0101010101",
    );
}

#[test]
fn an_error_wants_a_second_opinion() {
    check(
        "> submit check 1
         > offer n1 n2
         assign n1 Policy 0/0
         > n1 0/0=E:bad_row
         assign n2 Policy 0/1
         > chunk 0
         undecided after 2 replica(s): an error cannot be checked, so two equal results are wanted
         > n2 0/1=E:bad_row
         chunk 0 winner 0 0:n1=Accepted 1:n2=Accepted
         failed: 1 of 1 chunks failed; the most frequent error (1x): bad row",
    );
    // A value that passes the check outweighs it, but one node's word is no evidence that the other lied.
    check(
        "> submit check 1
         > offer n1 n2
         assign n1 Policy 0/0
         > n1 0/0=E:bad_row
         assign n2 Policy 0/1
         > n2 0/1=a
         check 0/1
         > check 0/1=right
         chunk 0 winner 1 0:n1=Wrong 1:n2=Accepted
         reduce",
    );
}

#[test]
fn a_check_that_fails_leaves_the_chunk_to_a_quorum() {
    check(
        "> submit check 1
         > offer n1 n2 n3
         assign n1 Policy 0/0
         > n1 0/0=lie
         check 0/0
         > check 0/0=out_of_fuel
         assign n2 Policy 0/1
         > n2 0/1=a
         assign n3 Escalation 0/2
         > n3 0/2=a
         chunk 0 winner 1 0:n1=Wrong 1:n2=Accepted 2:n3=Accepted
         distrust n1 chunk 0
         reduce
         > chunk 0
         accepted the value of attempt 1: 0202020202, 0303030303 agreed, 0101010101 contradicted; the job's check could not be done (out of fuel), so two equal results are wanted",
    );
}

#[test]
fn different_values_may_both_be_right() {
    // A hedge: the slow one came after all, before the check had an answer.
    check(
        "> submit check 1
         > offer n1 n2
         assign n1 Policy 0/0
         > wait 11000
         assign n2 Hedge 0/1
         > n1 0/0=a
         check 0/0
         > n2 0/1=b
         check 0/1
         > check 0/0=right
         > check 0/1=right
         chunk 0 winner 0 0:n1=Accepted 1:n2=Accepted
         reduce",
    );
}

#[test]
fn a_restart_asks_again_for_what_was_not_answered() {
    check(
        "> submit check 2
         > offer n1 n2
         assign n1 Policy 0/0
         assign n2 Policy 1/0
         > n1 0/0=a
         check 0/0
         > n2 1/0=lie
         check 1/0
         > check 1/0=wrong
         distrust n2 chunk 1
         assign n1 Escalation 1/1
         > restart
         lost n1 1/1: the requester restarted
         > offer n1 n2
         > plan
         check 0/0
         assign n1 Escalation 1/2
         > check 0/0=right
         chunk 0 winner 0 0:n1=Accepted
         > check 0/0=right
         ignored 0/0: the chunk was decided before this result came
         > n1 1/2=b
         check 1/2
         > restart
         > plan
         check 1/2
         > check 1/2=right
         chunk 1 winner 2 0:n2=Wrong 2:n1=Accepted
         reduce",
    );
}

#[test]
fn answers_that_do_not_fit_change_nothing() {
    check(
        "> submit check 1
         > offer n1
         assign n1 Policy 0/0
         > check 0/0=right
         ignored 0/0: the task is not in a state that waits for this
         > check 7/0=right 0/9=wrong
         ignored 7/0: the task has no such chunk
         ignored 0/9: the chunk has no such attempt
         > n1 0/0=!host
         > wait 300
         assign n1 Retry 0/1
         > check 0/0=right
         ignored 0/0: the task is not in a state that waits for this
         > t2 check 0/0=right
         ignored 0/0: no such task at this node
         > cancel enough
         lost n1 0/1: the task ended
         cancel n1 0/1
         cancelled: enough
         > check 0/1=right
         ignored 0/1: the task has ended",
    );
    check(
        "> submit none 1
         > offer n1
         assign n1 Policy 0/0
         > check 0/0=right
         ignored 0/0: the task is not in a state that waits for this",
    );
}

#[test]
fn a_price_limit_waits_for_what_is_being_checked() {
    check(
        "> submit check 2 max=10
         > offer n1
         assign n1 Policy 0/0
         > n1 0/0=a
         check 0/0
         > check 0/0=right
         chunk 0 winner 0 0:n1=Accepted
         > post n1 10 2
         > offer n1
         failed: the price limit of 0.00001 credits is reached with 1 of 2 chunks accepted; submit again with a higher --max-price: accepted chunks are recalled, not run again",
    );
}
