"""Tests of spreadsheets with independent readers in several programming languages."""
