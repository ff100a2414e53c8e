//! What scripts rely on: codes, names, the two lines of an error.

use super::*;

const ALL: [Exit; 12] = [
    Exit::Ok,
    Exit::Internal,
    Exit::Usage,
    Exit::BadInput,
    Exit::NotFound,
    Exit::TaskFailed,
    Exit::TaskCancelled,
    Exit::Unreachable,
    Exit::Unavailable,
    Exit::Limit,
    Exit::Environment,
    Exit::Interrupted,
];

#[test]
fn the_documentation_lists_every_exit_code() {
    let text = include_str!("../../../../docs/cli.md");
    for exit in ALL {
        let row = format!("| {} | {} |", exit.code(), exit.name());
        assert!(text.contains(&row), "docs/cli.md lacks: {row}");
        assert!(
            EXIT_CODES.contains(&exit.code().to_string()),
            "--help lacks {}",
            exit.code()
        );
    }
}

#[test]
fn an_error_is_two_lines() {
    let error = CliError::new(Exit::NotFound, "no task abc", "list them with `p2pjob status`");
    assert_eq!(
        error.text(),
        "error: no task abc\n  help: list them with `p2pjob status`"
    );
    assert_eq!(CliError::new(Exit::Internal, "x", "").text(), "error: x");
}

#[test]
fn errors_of_the_node_keep_message_and_remedy() {
    let remedy = "raise --max-price".to_owned();
    let error = ControlError {
        code: ErrorCode::Limit,
        message: "too expensive".to_owned(),
        remedy,
    };
    let error = CliError::from(error);
    assert_eq!(
        (error.exit, error.message.as_str(), error.remedy.as_str()),
        (Exit::Limit, "too expensive", "raise --max-price")
    );
}
