"""Rosters of those whom employers enrol: every line enrolled, or given back with its reason."""

from services.aid.enrolment.enrolling import Enrolled, Entry, Line, Outcome, Premiums, Stage, enrol

__all__ = ["Enrolled", "Entry", "Line", "Outcome", "Premiums", "Stage", "enrol"]
