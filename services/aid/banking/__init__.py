"""Files for a bank and from it: a batch's instructions written, what became of them read and recorded."""

from services.aid.banking.banks import Bank, banks
from services.aid.banking.formats import BadLine, BankFile, BankFormat, PaymentLine, ResultFile, ResultLine
from services.aid.banking.results import Outcome, Told, record, weigh

__all__ = [
    "BadLine",
    "Bank",
    "BankFile",
    "BankFormat",
    "Outcome",
    "PaymentLine",
    "ResultFile",
    "ResultLine",
    "Told",
    "banks",
    "record",
    "weigh",
]
