"""Start the emulator; `deploy.emulator` gives it its environment."""

from deploy.launcher import lessons

lessons.teach_before_the_services_start()

from ministack.app import main  # noqa: E402 - it binds what was to be taught at import

lessons.teach_functions_that_modules_have_bound()
main()
