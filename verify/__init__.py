"""What checks the project as a whole: the oracle of a refactoring."""
