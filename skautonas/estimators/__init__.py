"""What users call: six estimators of one story, fit then predict."""
