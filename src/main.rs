//! The binary: hands the command line to the library and turns the result into an exit code.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(inrush::cli::main(std::env::args_os()))
}
