using AdaBN.Mpi;

// A NullReferenceException is a SIGSEGV that .NET catches. A library that takes the signal away ends the process here.
using MpiCommunicator ranks = MpiCommunicator.Start(int.Parse(args[0]));
ranks.AllGather(new byte[] { 1 });
string? nothing = args.Length > 1 ? "" : null;
try
{
    Console.WriteLine(nothing!.Length);
}
catch (NullReferenceException)
{
    ranks.AllGather(new byte[] { 2 });
    Console.WriteLine("caught and alive");
}
